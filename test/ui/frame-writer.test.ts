import { Terminal } from '@xterm/headless';
import { describe, expect, it } from 'vitest';
import { FrameWriter } from '../../src/ui/terminal/frame-writer.ts';
import { LineSlots } from '../../src/ui/terminal/line-slots.ts';

const setUp = (columns: number, rows: number, unicode = true) => {
  const terminal = new Terminal({ cols: columns, rows, allowProposedApi: true });
  const written: string[] = [];
  const slots = new LineSlots();
  const writer = new FrameWriter({ write: (text) => void written.push(text) }, slots, { columns, rows }, unicode);
  const draw = (...lines: string[]): void => void writer.write(lines.map((line) => slots.put(line)).join('\n'));
  const shown = async (): Promise<string[]> => {
    await new Promise<void>((resolve) => terminal.write(written.join(''), resolve));
    return Array.from({ length: rows }, (_, row) => terminal.buffer.active.getLine(row)?.translateToString(true) ?? '');
  };
  return { writer, written, draw, shown };
};

describe('frames on the terminal', () => {
  it('stand where they belong, and leave the last row free', async () => {
    const { draw, shown } = setUp(20, 4);
    draw('one', 'two', 'three', 'four', 'five');
    expect(await shown()).toEqual(['one', 'two', 'three', '']);
  });

  it('send only the lines that changed', () => {
    const { draw, written } = setUp(20, 5);
    draw('one', 'two', 'three');
    draw('one', 'TWO', 'three');
    expect(written[1]).toContain('TWO');
    expect(written[1]).not.toContain('one');
    expect(written[1]).not.toContain('three');
    draw('one', 'TWO', 'three');
    expect(written).toHaveLength(2);
  });

  it('keep the last column of a full line, which erasing behind it would take', () => {
    const { draw, written } = setUp(10, 5);
    draw('0123456789', 'short');
    expect(written[0]).toMatch(/0123456789\u001b\[0m(?!\u001b\[K)/);
    expect(written[0]).toMatch(/short\u001b\[0m\u001b\[K/);
  });

  it('wipe what was there before, also below a shorter frame', async () => {
    const { draw, shown } = setUp(20, 5);
    draw('a long line', 'second', 'third');
    draw('short');
    expect(await shown()).toEqual(['short', '', '', '', '']);
  });

  it('are drawn from scratch after a change of size', () => {
    const { writer, draw, written } = setUp(20, 5);
    draw('one', 'two');
    writer.resize({ columns: 30, rows: 6 });
    draw('one', 'two');
    expect(written[1]).toContain('\u001b[2J');
    expect(written[1]).toContain('one');
  });

  it('are drawn no more once the writer is closed', () => {
    const { writer, draw, written } = setUp(20, 5);
    writer.close();
    draw('one');
    expect(written).toEqual([]);
  });

  it('hold only ASCII where the terminal has no Unicode, colours kept', () => {
    const { draw, written } = setUp(20, 5, false);
    draw('\u001b[31mé → 日\u001b[39m');
    expect(written[0]).toContain('\u001b[31m? -> ??\u001b[39m');
  });
});

describe('stand-ins for lines', () => {
  it('are used again, so that nothing grows with the number of lines ever shown', () => {
    const slots = new LineSlots();
    const seen = new Set<string>();
    for (let frame = 0; frame < 1000; frame++) {
      const ids = [`line ${frame}`, 'the same', `other ${frame}`].map((line) => slots.put(line));
      for (const id of ids) seen.add(id);
      expect(slots.take(ids)).toEqual([`line ${frame}`, 'the same', `other ${frame}`]);
    }
    expect(seen.size).toBeLessThanOrEqual(6);
  });
});
