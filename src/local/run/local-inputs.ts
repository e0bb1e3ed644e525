/** Lists the files of a run's inputs. */
import { listLocalInputs } from '../../plan/inputs/list-local-inputs.ts';
import { type InputNames, mayNameInput } from '../../plan/inputs/named-inputs.ts';
import type { InputFile } from '../../read/input-file.ts';
import { FileStore } from '../../storage/file/file-store.ts';
import { withoutOwnOutput } from '../output/own-output.ts';

export class LocalInputs {
  /** Results of earlier jobs inside of the inputs, which are not read. */
  readonly leftOut: string[] = [];
  readonly #ownOutput: string;
  readonly #store = new FileStore({ root: '/' });
  #early: { readonly names: string; readonly files: Promise<InputFile[]> } | undefined;

  /** @param ownOutput  the real path of the folder that the job writes to */
  constructor(ownOutput: string) {
    this.#ownOutput = ownOutput;
  }

  /**
   * Starts to list while the job loads, unless only the job can say which names belong to which input. Errors are reported
   * by list().
   */
  listEarly(names: InputNames, onFiles: (files: readonly InputFile[]) => void): void {
    if (!isPlainList(names)) return;
    const files = this.#list(names);
    this.#early = { names: JSON.stringify(names), files };
    files.then(onFiles, () => {});
  }

  /** @param names  of each input, in the job's order */
  async list(names: readonly (readonly string[])[]): Promise<(readonly InputFile[])[]> {
    const files: (readonly InputFile[])[] = [];
    for (const patterns of names) {
      const early = this.#early?.names === JSON.stringify(patterns) ? this.#early.files : undefined;
      const listed = await (early ?? this.#list(patterns));
      files.push(await withoutOwnOutput(listed, { root: this.#ownOutput, patterns }));
    }
    return files;
  }

  #list(patterns: readonly string[]): Promise<InputFile[]> {
    return listLocalInputs(this.#store, patterns, {
      ownOutput: this.#ownOutput,
      onLeftOut: (result) => this.leftOut.push(result),
    });
  }
}

function isPlainList(names: InputNames): names is readonly string[] {
  return Array.isArray(names) && names.length > 0 && !names.some(mayNameInput);
}
