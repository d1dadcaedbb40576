/** `1,234,567`: whole numbers with their thousands apart. Not by toLocaleString, which loads its tables for 15 ms when it is first used. */
export const grouped = (count: number): string => {
  const digits = String(Math.round(count));
  return digits.length <= 3 ? digits : digits.replace(/\B(?=(?:\d{3})+$)/g, ',');
};
