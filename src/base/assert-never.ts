/** Ends a `switch` over a union: a kind that nobody handled is a type error before it is a run-time one. */
export const assertNever = (value: never): never => {
  throw new Error(`unhandled kind: ${JSON.stringify(value)}`);
};
