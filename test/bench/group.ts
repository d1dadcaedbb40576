/** A group of measurements: one file each, one line in the list of main.ts. */
import type { Row } from './measure.ts';

export interface Group {
  readonly name: string;
  /** What it measures, for the head of its table. */
  readonly title: string;
  /** Calls `report` with each row as it is known. */
  readonly run: (report: (row: Row) => void) => Promise<void>;
}
