import type { Reporter, SerializedError, TestModule, Vitest } from 'vitest/node';
import { notices } from '../emulator/notices.ts';

/**
 * Ends a run with a plain line that any CI can parse: `N passed, N failed, N skipped`. Before it, repeats which
 * emulator was missing, because the notice at the start is far above by now.
 */
export default class CountReporter implements Reporter {
  #vitest: Vitest | undefined;

  onInit(vitest: Vitest): void {
    this.#vitest = vitest;
  }

  onTestRunEnd(modules: readonly TestModule[], errors: readonly SerializedError[]): void {
    let passed = 0;
    // Errors outside of tests: a global setup that threw, or an unhandled rejection.
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
      // If a hook of a suite throws, its tests are skipped, but the suite counts as a failure.
      for (const suite of module.children.allSuites()) if (suite.errors().length > 0) failed++;
      // A file that did not load contains no tests, but it counts as a failure.
      if (module.state() === 'failed' && (tests === 0 || module.errors().length > 0)) failed++;
    }
    for (const project of this.#vitest?.projects ?? []) {
      for (const notice of notices(project.getProvidedContext().emulators)) console.error(notice);
    }
    console.log(`\n${passed} passed, ${failed} failed, ${skipped} skipped`);
  }
}
