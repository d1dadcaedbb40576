/** A strict reader of the part of Graphviz's DOT language that is written: what it refuses, `dot` would refuse or read as something else. */

export interface DotGraph {
  readonly name: string;
  readonly nodes: ReadonlyMap<string, ReadonlyMap<string, string>>;
  readonly edges: readonly { readonly from: string; readonly to: string; readonly attributes: ReadonlyMap<string, string> }[];
  /** Label and ids of the nodes of each cluster. */
  readonly clusters: readonly { readonly label: string; readonly nodes: readonly string[] }[];
}

const TOKEN = /\s*(?:("(?:[^"\\\n]|\\[^\n])*")|([A-Za-z_][A-Za-z0-9_]*|[0-9]+)|(--|[{}[\]=,;]))/y;

const tokensOf = (text: string): string[] => {
  const tokens: string[] = [];
  const end = text.trimEnd().length;
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < end) {
    const at = TOKEN.lastIndex;
    const match = TOKEN.exec(text);
    if (match === null) throw new Error(`not DOT: ${JSON.stringify(text.slice(at, at + 40))}`);
    tokens.push(match[1] ?? match[2] ?? (match[3] as string));
  }
  return tokens;
};

/** The text of a quoted string: `\"` is the only escape of the language; labels have `\n` and `\\` besides. */
const unquote = (token: string): string => {
  if (!token.startsWith('"')) return token;
  const inner = token.slice(1, -1);
  // Pairs are stepped over one by one: the second of two backslashes begins nothing.
  const wrong = /\\/.exec(inner.replace(/\\["\\n]/g, '')) ?? /&(?!amp;)/.exec(inner);
  if (wrong !== null) throw new Error(`an escape or entity that was not meant: ${inner}`);
  return inner.replace(/\\(.)/g, (_, char: string) => (char === 'n' ? '\n' : char)).replace(/&amp;/g, '&');
};

export const parseDot = (text: string): DotGraph => {
  const tokens = tokensOf(text);
  let at = 0;
  const take = (wanted?: string): string => {
    const token = tokens[at++];
    if (token === undefined || (wanted !== undefined && token !== wanted))
      throw new Error(`${wanted ?? 'something'} expected, found ${token}`);
    return token;
  };
  const isNext = (token: string): boolean => tokens[at] === token;
  const nodes = new Map<string, ReadonlyMap<string, string>>();
  const edges: { from: string; to: string; attributes: ReadonlyMap<string, string> }[] = [];
  const clusters: { label: string; nodes: string[] }[] = [];
  const attributesOf = (): Map<string, string> => {
    const attributes = new Map<string, string>();
    if (!isNext('[')) return attributes;
    take('[');
    while (!isNext(']')) {
      const name = take();
      take('=');
      attributes.set(name, unquote(take()));
      if (!isNext(']')) take(',');
    }
    take(']');
    return attributes;
  };
  const statement = (cluster: { label: string; nodes: string[] } | null): void => {
    if (isNext('subgraph')) {
      take();
      if (!take().startsWith('cluster_')) throw new Error('a subgraph that is no cluster');
      const inner = { label: '', nodes: [] as string[] };
      clusters.push(inner);
      take('{');
      while (!isNext('}')) statement(inner);
      take('}');
      return;
    }
    const first = take();
    if (isNext('=')) {
      take('=');
      const value = unquote(take());
      if (cluster !== null && first === 'label') cluster.label = value;
    } else if (isNext('--')) {
      take('--');
      const to = unquote(take());
      edges.push({ from: unquote(first), to, attributes: attributesOf() });
    } else {
      const attributes = attributesOf();
      if (!['graph', 'node', 'edge'].includes(first)) {
        if (!first.startsWith('"')) throw new Error(`a node without quotes: ${first}`);
        if (nodes.has(unquote(first))) throw new Error(`two nodes ${first}`);
        nodes.set(unquote(first), attributes);
        cluster?.nodes.push(unquote(first));
      }
    }
    take(';');
  };
  take('graph');
  const name = unquote(take());
  take('{');
  while (!isNext('}')) statement(null);
  take('}');
  if (at !== tokens.length) throw new Error('more after the graph');
  return { name, nodes, edges, clusters };
};
