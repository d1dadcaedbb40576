/** `1,234,567`: whole numbers with their thousands apart. Not by toLocaleString, which loads its tables for 15 ms when it is first used. */
export const grouped = (count: number): string => String(Math.round(count)).replace(/\B(?=(?:\d{3})+$)/g, ',');
