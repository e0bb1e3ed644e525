/**
 * Lets job modules import 'serverless-mapreduce' by name from any folder. A job in /home/me/jobs has no node_modules that
 * contains this package, and must get this copy of it, not a second one.
 */
import { registerHooks } from 'node:module';
import { API_MODULE } from './build-modules.ts';

const PACKAGE_NAME = 'serverless-mapreduce';

let isRegistered = false;

/** Applies to later imports and requires in the calling thread. Idempotent. */
export function resolveSelf(): void {
  if (isRegistered) return;
  isRegistered = true;
  const { href } = API_MODULE;
  registerHooks({
    resolve: (specifier, context, nextResolve) =>
      // Do not call nextResolve: the resolver for require does not accept a URL.
      specifier === PACKAGE_NAME ? { url: href, shortCircuit: true } : nextResolve(specifier, context),
  });
}
