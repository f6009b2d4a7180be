// Loaded before everything else: the clock of this process is CHAOS_SKEW milliseconds off.
const skew = Number(process.env.CHAOS_SKEW ?? 0);
const RealDate = Date;
globalThis.chaosWallClock = RealDate.now;

if (skew !== 0) {
  const skewedNow = () => RealDate.now() + skew;
  globalThis.Date = new Proxy(RealDate, {
    construct: (target, args, newTarget) =>
      Reflect.construct(target, args.length === 0 ? [skewedNow()] : args, newTarget),
    get: (target, name) => (name === 'now' ? skewedNow : Reflect.get(target, name)),
  });
}
