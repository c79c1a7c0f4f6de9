/**
 * The context for a load that runs in the background: that of the request which has read the value before, except that its abort
 * signals never fire. That request may have ended, and its client may have disconnected.
 *
 * It is a proxy, so libraries that keep loaders or other state by context make new ones for it. Methods run on the context itself,
 * because those that use private fields fail on a proxy.
 */
const neverAborted = new AbortController().signal;
const contexts = new WeakMap<object, object>();
/** The contexts that these are proxies of. */
const targets = new WeakMap<object, object>();

/** @param context A value that is not an object is returned as it is. */
export function backgroundContext<Context>(context: Context): Context {
  if (typeof context !== 'object' || context === null) return context;
  const known = contexts.get(context);
  if (known !== undefined) return known as Context;
  const proxied = withoutSignals(context);
  contexts.set(context, proxied);
  targets.set(proxied, context);
  return proxied as Context;
}

/** The context of the request, if this is the one for a load in the background: what one of them sets, both have. */
export function requestContextOf<Context>(context: Context): Context {
  return (typeof context === 'object' && context !== null ? (targets.get(context) ?? context) : context) as Context;
}

/** Signals are found where servers put them: in the context, or in its `request`. */
function withoutSignals(target: object): object {
  let request: { readonly of: object; readonly shown: object } | undefined;
  return new Proxy(target, {
    // Otherwise accessors of the target would be replaced by properties.
    set: (_, name, value) => Reflect.set(target, name, value, target),
    get(_, name): unknown {
      const value: unknown = Reflect.get(target, name, target);
      if (isFixed(target, name)) return value;
      if (value instanceof AbortSignal) return neverAborted;
      if (typeof value === 'function' && !Object.hasOwn(target, name)) return value.bind(target) as unknown;
      if (name !== 'request' || typeof value !== 'object' || value === null) return value;
      if (request?.of !== value) request = { of: value, shown: withoutSignals(value) };
      return request.shown;
    },
  });
}

/** JavaScript does not let a proxy show another value for such a property. */
function isFixed(target: object, name: string | symbol): boolean {
  const property = Object.getOwnPropertyDescriptor(target, name);
  return property?.configurable === false && property.writable === false;
}
