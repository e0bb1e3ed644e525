/**
 * Job modules import 'serverless-mapreduce' by its name, wherever they lie: a job in /home/me/jobs has no
 * node_modules with this package in it, and must still get this very copy of it, not a second one.
 */
import { registerHooks } from 'node:module';
import { siblingModule } from './sibling-module.ts';

const PACKAGE_NAME = 'serverless-mapreduce';

let isRegistered = false;

/** Holds for the calling thread, from now on; for import and for require. Idempotent. */
export function resolveSelf(): void {
  if (isRegistered) return;
  isRegistered = true;
  const { href } = siblingModule('../../index', import.meta.url);
  registerHooks({
    resolve: (specifier, context, nextResolve) =>
      // Ends here: what resolves for require takes no URL.
      specifier === PACKAGE_NAME ? { url: href, shortCircuit: true } : nextResolve(specifier, context),
  });
}
