/** What Node says of native code that it cannot load, in a sentence. */
import { describe, expect, it } from 'vitest';
import { whyNotLoaded } from '../../src/agent/probe.ts';

describe('why cap does not load', () => {
  it('is another version of Node where it was built for that', () => {
    const said = `The module '/x/cap.node'
was compiled against a different Node.js version using
NODE_MODULE_VERSION 115. This version of Node.js requires
NODE_MODULE_VERSION 147. Please try re-compiling or re-installing`;
    expect(whyNotLoaded(said)).toBe(`it was built for another version of Node (module version 115; that of ${process.version} is 147)`);
  });

  it('is the first line of what is said otherwise', () => {
    expect(whyNotLoaded("Cannot find module 'cap'\nRequire stack:\n- /x")).toBe("Cannot find module 'cap'");
  });
});
