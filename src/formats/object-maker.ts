/** Makes the records of formats whose names are known before the record is read. */

/**
 * The values of a record by their position. Values that are read one by one while the object is made cost less than an array,
 * which is older than they are: V8 remembers each young value that is stored into an old object.
 */
export interface Values {
  value(i: number): unknown;
}

export type ObjectMaker = (values: Values) => object;

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
    return (values) => Object.fromEntries(names.map((name, i) => [name, values.value(i)]));
  }
  const count = names.length;
  const [a = '', b = '', c = '', d = '', e = '', f = '', g = '', h = ''] = names;
  function Row(this: Record<string, unknown>, values: Values): void {
    if (count > 0) this[a] = values.value(0);
    if (count > 1) this[b] = values.value(1);
    if (count > 2) this[c] = values.value(2);
    if (count > 3) this[d] = values.value(3);
    if (count > 4) this[e] = values.value(4);
    if (count > 5) this[f] = values.value(5);
    if (count > 6) this[g] = values.value(6);
    if (count > 7) this[h] = values.value(7);
    for (let i = 8; i < count; i++) this[names[i]!] = values.value(i);
  }
  Row.prototype = Object.prototype;
  // TypeScript has no type for a function that is a constructor.
  const Constructor = Row as unknown as new (values: Values) => object;
  return (values) => new Constructor(values);
}
