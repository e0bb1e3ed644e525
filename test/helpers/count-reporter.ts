import type { Reporter, SerializedError, TestModule, Vitest } from 'vitest/node';
import { notices } from '../emulator/notices.ts';

/**
 * Closes a run with one plain line that any CI can count: `N passed, N failed, N skipped`. Before it, once more, which
 * emulator was not there: what was said at the start is far above by now.
 */
export default class CountReporter implements Reporter {
  #vitest: Vitest | undefined;

  onInit(vitest: Vitest): void {
    this.#vitest = vitest;
  }

  onTestRunEnd(modules: readonly TestModule[], errors: readonly SerializedError[]): void {
    let passed = 0;
    // Of no test: a global setup that threw, a promise that nobody waited for.
    let failed = errors.length;
    let skipped = 0;
    for (const module of modules) {
      let tests = 0;
      for (const test of module.children.allTests()) {
        tests++;
        const { state } = test.result();
        if (state === 'passed') passed++;
        else if (state === 'failed') failed++;
        else skipped++;
      }
      // A file that did not load has no tests to count, but has failed all the same.
      if (module.state() === 'failed' && (tests === 0 || module.errors().length > 0)) failed++;
    }
    for (const project of this.#vitest?.projects ?? []) {
      for (const notice of notices(project.getProvidedContext().emulators)) console.error(notice);
    }
    console.log(`\n${passed} passed, ${failed} failed, ${skipped} skipped`);
  }
}
