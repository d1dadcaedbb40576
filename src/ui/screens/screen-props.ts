/** What every screen is given. */
import type { Screen } from '../state/screens.ts';
import type { Theme } from '../theme.ts';
import type { Ui } from '../ui.ts';

export interface ScreenProps<S extends Screen> {
  readonly screen: S;
  readonly ui: Ui;
  readonly theme: Theme;
  /** Room for the content. */
  readonly rows: number;
  readonly columns: number;
}
