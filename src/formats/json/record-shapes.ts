/** Makes the records of lines of which some fields are read. The fields are in the order of the line, as JSON.parse makes them. */
import { type ObjectMaker, objectMaker, type Values } from '../object-maker.ts';

/** Objects of so many orders of fields are made by constructors, which is fast; all others field by field. */
const SHAPES_MAX = 8;

/** The fields of a line in the order in which they occur: indexes in the list of fields. */
interface Shape {
  readonly order: readonly number[];
  readonly make: ObjectMaker;
}

export class RecordShapes {
  readonly #fields: readonly string[];
  /** The shape of the record before. */
  #last: Shape = { order: [], make: objectMaker([]) };
  readonly #shapes: Shape[] = [this.#last];

  constructor(fields: readonly string[]) {
    this.#fields = fields;
  }

  /** Makes the record of the first `count` fields and values. */
  make(order: readonly number[], count: number, values: Values): object {
    if (!isOrder(this.#last.order, order, count)) {
      const shape = this.#shapeOf(order, count);
      if (shape === undefined) return this.#unshaped(order, count, values);
      this.#last = shape;
    }
    return this.#last.make(values);
  }

  /** Undefined if a field occurs twice, and if there are too many shapes. */
  #shapeOf(order: readonly number[], count: number): Shape | undefined {
    const shapes = this.#shapes;
    for (const shape of shapes) {
      if (isOrder(shape.order, order, count)) return shape;
    }
    if (shapes.length === SHAPES_MAX) return undefined;
    const own = order.slice(0, count);
    if (new Set(own).size < count) return undefined;
    const shape = { order: own, make: objectMaker(own.map((field) => this.#fields[field]!)) };
    shapes.push(shape);
    return shape;
  }

  #unshaped(order: readonly number[], count: number, values: Values): object {
    const record: Record<string, unknown> = {};
    // Of two fields of the same name the last one counts, as in JSON.parse.
    for (let i = 0; i < count; i++) record[this.#fields[order[i]!]!] = values.value(i);
    return record;
  }
}

/** Whether the first `count` fields are these. */
function isOrder(order: readonly number[], fields: readonly number[], count: number): boolean {
  if (order.length !== count) return false;
  for (let i = 0; i < count; i++) {
    if (order[i] !== fields[i]) return false;
  }
  return true;
}
