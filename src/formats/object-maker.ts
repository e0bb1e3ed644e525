/** Makes the records of formats whose names are known before the record is read. */

export type ObjectMaker = (values: readonly unknown[]) => object;

/** A job reads all its files with one or a few lists of names. */
const OBJECT_MAKERS_MAX = 32;
const objectMakers = new Map<string, ObjectMaker>();

/**
 * Returns the function that makes objects with these names, which must differ. It is the same one for the same names: the
 * records of all pieces then have one hidden class, which makes the job's `map` faster, too.
 */
export function objectMaker(names: readonly string[]): ObjectMaker {
  const key = JSON.stringify(names);
  let maker = objectMakers.get(key);
  if (maker === undefined) {
    maker = newMaker(names);
    if (objectMakers.size === OBJECT_MAKERS_MAX) objectMakers.clear();
    objectMakers.set(key, maker);
  }
  return maker;
}

/**
 * Returns a function that makes plain objects of one hidden class. The properties are assigned one by one in a constructor,
 * since each place in code remembers the one name that it assigns: 4 ns for an object of two, and 30 ns if the process reads
 * files with different names; a loop over the names takes 30 ns in any case.
 */
function newMaker(names: readonly string[]): ObjectMaker {
  // Assigning to __proto__ would set the prototype.
  if (names.includes('__proto__')) {
    return (values) => Object.fromEntries(names.map((name, i) => [name, values[i]]));
  }
  const count = names.length;
  const [a = '', b = '', c = '', d = '', e = '', f = '', g = '', h = ''] = names;
  function Row(this: Record<string, unknown>, values: readonly unknown[]): void {
    if (count > 0) this[a] = values[0];
    if (count > 1) this[b] = values[1];
    if (count > 2) this[c] = values[2];
    if (count > 3) this[d] = values[3];
    if (count > 4) this[e] = values[4];
    if (count > 5) this[f] = values[5];
    if (count > 6) this[g] = values[6];
    if (count > 7) this[h] = values[7];
    for (let i = 8; i < count; i++) this[names[i]!] = values[i];
  }
  Row.prototype = Object.prototype;
  // TypeScript has no type for a function that is a constructor.
  const Constructor = Row as unknown as new (values: readonly unknown[]) => object;
  return (values) => new Constructor(values);
}
