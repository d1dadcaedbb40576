/**
 * The filter that an engine gets: what belongs to the point, and what was asked for. On a trunk each frame may carry a tag, behind which all
 * offsets are others: the question is put twice, and `vlan` last, as it holds for all that follows it (pcap-filter(7)).
 */
export const pointFilter = (own: string | null, wanted: string, isTrunk: boolean): string => {
  const joined = own === null || own === '' ? wanted : wanted === '' ? own : `(${own}) and (${wanted})`;
  if (!isTrunk || joined === '' || /\bvlan\b/.test(joined)) return joined;
  return `(${joined}) or (vlan and (${joined}))`;
};
