/**
 * Returns what a resolver receives for the arguments that a request leaves out.
 *
 * @param args The arguments of a field, as Pothos configures them.
 */
export function argumentDefaultsOf(
  args: Readonly<Record<string, { readonly defaultValue?: unknown }>>,
): Record<string, unknown> {
  const defaults = Object.entries(args).map(([name, { defaultValue }]) => [name, defaultValue] as const);
  return Object.fromEntries(defaults.filter(([, value]) => value !== undefined));
}
