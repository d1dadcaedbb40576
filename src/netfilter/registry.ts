/** Modules by name. Two of one name are a defect of this program, found when the registry is made. */

export const registryOf = <Module extends { readonly name: string }>(modules: readonly Module[]): ReadonlyMap<string, Module> => {
  const byName = new Map<string, Module>();
  for (const module of modules) {
    if (byName.has(module.name)) throw new Error(`two modules are called '${module.name}'`);
    byName.set(module.name, module);
  }
  return byName;
};
