/**
 * `npm run build`: bundles src into dist, a file for each process and chunks that a command loads when it is called; docs/decisions/0011-bundle.md.
 * Types are not looked at here: that is `npm run typecheck`.
 */
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { build } from 'esbuild';

const OUT = 'dist';

const PROGRAMS = ['main', 'agent/main', 'agent/engine/main'];

/** What tests run by itself, in other namespaces and as other users. */
const PARTS = ['agent/client', 'agent/drop-privileges', 'agent/netns-handle', 'agent/processes'];

/** Loaded from node_modules where they are wanted: native code, and what Ink asks for with DEV set only. */
const EXTERNAL = ['cap', 'ssh2', '@grpc/grpc-js', '@grpc/proto-loader', 'protobufjs', 'react-devtools-core'];

/**
 * Packages and files of packages whose loading takes long and which mostly are not needed: they are evaluated with the first use of something
 * in them. gRPC (100 ms) serves `docker build` alone, ssh2 (30 ms) daemons over ssh.
 */
const LATE = ['@grpc/grpc-js', '@grpc/proto-loader', 'protobufjs', './ssh'];

/** ES modules whose default export is a function: string-width makes expressions of all emoji (25 ms), and mostly meets plain letters. */
const LATE_FUNCTIONS = ['string-width'];

const late = {
  name: 'late',
  setup({ onResolve, onLoad, resolve }) {
    const filter = new RegExp(`^(${[...LATE, ...LATE_FUNCTIONS].join('|')})$`);
    onResolve({ filter }, async ({ path, importer, kind, resolveDir, pluginData }) => {
      if (pluginData === 'now' || (path.startsWith('.') && !importer.includes('node_modules'))) return null;
      const found = await resolve(path, { kind, resolveDir, importer, pluginData: 'now' });
      const contents = LATE_FUNCTIONS.includes(path) ? lateFunction(found.path) : lateModule(found.external ? path : found.path);
      return { path: found.path, namespace: 'late', pluginData: { resolveDir, contents } };
    });
    onLoad({ filter: /.*/, namespace: 'late' }, ({ pluginData }) => pluginData);
    onResolve({ filter: /.*/, namespace: 'late' }, ({ path, kind, resolveDir }) => resolve(path, { kind, resolveDir, pluginData: 'now' }));
  },
};

const lateModule = (path) => `
let loaded = null;
const load = () => (loaded ??= require(${JSON.stringify(path)}));
module.exports = new Proxy(function () {}, {
  get: (_, name) => load()[name],
  apply: (_, self, words) => Reflect.apply(load(), self, words),
  construct: (_, words) => Reflect.construct(load(), words),
});`;

const lateFunction = (path) => `
let loaded = null;
const load = () => (loaded ??= require(${JSON.stringify(path)}).default);
export default (...words) => load()(...words);`;

/** Licences of what is in the bundle ask to be passed on with it. */
const licences = (inputs) => {
  const folders = new Set(inputs.flatMap((input) => /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+/.exec(input)?.[0] ?? []));
  return [...folders].sort().map((folder) => {
    const { name, version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
    const file = readdirSync(folder).find((entry) => /^licen[cs]e/i.test(entry));
    return `${name} ${version} (${license})\n\n${file === undefined ? '' : readFileSync(join(folder, file), 'utf8').trim()}\n`;
  });
};

const { metafile } = await build({
  entryPoints: [...PROGRAMS, ...PARTS].map((name) => `src/${name}.ts`),
  outbase: 'src',
  outdir: OUT,
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node20',
  chunkNames: 'chunks/[name]-[hash]',
  external: EXTERNAL,
  // React's development build is slow.
  define: { 'process.env.NODE_ENV': '"production"', 'process.env.DEV': 'undefined' },
  banner: { js: "import { createRequire as makeRequire } from 'node:module'; const require = makeRequire(import.meta.url);" },
  legalComments: 'none',
  logLevel: 'warning',
  metafile: true,
  plugins: [late],
});
writeFileSync(
  join(OUT, 'LICENSES.txt'),
  licences(Object.keys(metafile.inputs).map((input) => input.replace(/^late:/, ''))).join(`\n${'-'.repeat(80)}\n`),
);

// What an earlier build left.
const written = new Set(
  [...Object.keys(metafile.outputs), join(OUT, 'LICENSES.txt')].flatMap((path) => [path, dirname(path), dirname(dirname(path))]),
);
for (const entry of readdirSync(OUT, { recursive: true })) {
  const path = join(OUT, entry);
  if (!written.has(path)) rmSync(path, { recursive: true, force: true });
}
