/** The version of this package, for the instrumentation scope. A constant: a bundle has no package.json. */
export const version = '0.1.0';
