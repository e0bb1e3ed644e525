/**
 * A minimal version of Lambda's Node 24 runtime. It loads the handler, and then asks the Runtime API for one invocation
 * after the other. A handler is async or returns a value. As in AWS's own runtime since Node 24, callbacks are not
 * supported. Response streaming, the telemetry API and extensions are missing.
 *
 * This is plain JavaScript because it runs at every start of an environment, and type stripping would take 30 ms each time.
 */

import { existsSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { format } from 'node:util';

// Importing it would make Node load undici for the export WebSocket, which takes 10 ms of each cold start.
const { Agent, request: httpRequest } = process.getBuiltinModule('node:http');

const PREFIX = '/2018-06-01/runtime';
const [host, port] = (process.env.AWS_LAMBDA_RUNTIME_API ?? '').split(':');
const agent = new Agent({ keepAlive: true, maxSockets: 1 });

/** @type {string | undefined} */
let currentRequestId;

prefixConsoleLines();
process.on('uncaughtException', (error) => dieOf(error, 129));
process.on('unhandledRejection', (reason) => {
  const error = named(
    'Runtime.UnhandledPromiseRejection',
    reason instanceof Error ? reason.message : String(reason),
  );
  if (reason instanceof Error && reason.stack) error.stack = reason.stack;
  dieOf(error, 128);
});
process.on('beforeExit', () => {
  if (currentRequestId === undefined) return;
  dieOf(named('Runtime.NodeJsExit', 'The Lambda function exited without resolving its promise.'), 1);
});

const handler = await loadHandler().catch(async (error) => {
  console.error('Uncaught Exception', JSON.stringify(describe(error)));
  await post('/init/error', describe(error));
  process.exit(1);
});

while (true) await serveOne();

async function serveOne() {
  const next = await request('GET', '/invocation/next');
  if (next.status !== 200) throw new Error(`The Runtime API answered ${next.status} to invocation/next`);
  const header = (/** @type {string} */ name) => String(next.headers[name] ?? '');
  const requestId = header('lambda-runtime-aws-request-id');
  const deadlineMs = Number(header('lambda-runtime-deadline-ms'));
  currentRequestId = requestId;
  process.env._X_AMZN_TRACE_ID = header('lambda-runtime-trace-id');
  const context = {
    callbackWaitsForEmptyEventLoop: true,
    functionName: process.env.AWS_LAMBDA_FUNCTION_NAME,
    functionVersion: process.env.AWS_LAMBDA_FUNCTION_VERSION,
    memoryLimitInMB: process.env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
    logGroupName: process.env.AWS_LAMBDA_LOG_GROUP_NAME,
    logStreamName: process.env.AWS_LAMBDA_LOG_STREAM_NAME,
    invokedFunctionArn: header('lambda-runtime-invoked-function-arn'),
    awsRequestId: requestId,
    getRemainingTimeInMillis: () => Math.max(deadlineMs - Date.now(), 0),
  };
  try {
    const result = await handler(JSON.parse(next.body), context);
    await post(`/invocation/${requestId}/response`, result === undefined ? null : result);
  } catch (error) {
    console.error('Invoke Error', JSON.stringify(describe(error)));
    await post(`/invocation/${requestId}/error`, describe(error));
  }
  currentRequestId = undefined;
}

/** `_HANDLER` is `<file without extension>.<export>`, relative to LAMBDA_TASK_ROOT. */
async function loadHandler() {
  const spec = process.env._HANDLER ?? '';
  const root = process.env.LAMBDA_TASK_ROOT ?? process.cwd();
  const dot = spec.indexOf('.', spec.lastIndexOf('/') + 1);
  if (dot < 1) throw named('Runtime.MalformedHandlerName', `Bad handler: ${spec}. Write it as file.export`);
  const file = ['.js', '.mjs', '.cjs', '']
    .map((extension) => path.resolve(root, spec.slice(0, dot) + extension))
    .find((candidate) => existsSync(candidate));
  if (!file) throw named('Runtime.ImportModuleError', `Error: Cannot find module '${spec.slice(0, dot)}'`);
  const module = await import(pathToFileURL(file).href);
  const names = spec.slice(dot + 1).split('.');
  const found = [module, module.default]
    .map((from) => names.reduce((value, name) => value?.[name], from))
    .find((value) => value !== undefined);
  if (found === undefined) throw named('Runtime.HandlerNotFound', `${spec} is undefined or not exported`);
  if (typeof found !== 'function') throw named('Runtime.HandlerNotFound', `${spec} is not a function`);
  if (found.length >= 3) {
    throw named('Runtime.CallbackHandlerDeprecated', `${spec} takes a callback. Return a promise instead.`);
  }
  return found;
}

/** Step Functions compares errorType, which is the error's name, with ErrorEquals. @param {unknown} error */
function describe(error) {
  if (!(error instanceof Error)) return { errorType: typeof error, errorMessage: format(error), trace: [] };
  return {
    errorType: error.name || 'Error',
    errorMessage: error.message,
    trace: (error.stack ?? '').split('\n'),
  };
}

/** @param {string} name @param {string} message */
function named(name, message) {
  return Object.defineProperty(new Error(message), 'name', { value: name });
}

/** @param {unknown} error @param {number} exitCode */
async function dieOf(error, exitCode) {
  console.error('Uncaught Exception', JSON.stringify(describe(error)));
  const where = currentRequestId ? `/invocation/${currentRequestId}/error` : '/init/error';
  // Uses a new connection, because the other one may be in the middle of a request.
  await post(where, describe(error), new Agent()).catch(() => {});
  process.exit(exitCode);
}

/** @param {string} where @param {unknown} value @param {import('node:http').Agent} [over] */
function post(where, value, over) {
  const body = JSON.stringify(value);
  if (body === undefined)
    throw named('Runtime.MarshalError', `Unable to stringify the handler's result: ${format(value)}`);
  return request('POST', where, body, over);
}

/**
 * @param {'GET' | 'POST'} method @param {string} where @param {string} [body] @param {import('node:http').Agent} [over]
 * @returns {Promise<{ status: number, headers: import('node:http').IncomingHttpHeaders, body: string }>}
 */
function request(method, where, body, over = agent) {
  return new Promise((resolve, reject) => {
    const headers = body === undefined ? {} : { 'content-type': 'application/json' };
    const call = httpRequest(
      { host, port, method, path: PREFIX + where, headers, agent: over },
      (response) => {
        /** @type {Buffer[]} */
        const chunks = [];
        response.on('data', (chunk) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () => {
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            body: Buffer.concat(chunks).toString(),
          });
        });
      },
    );
    call.on('error', reject);
    call.end(body);
  });
}

/** Writes the text format of Lambda's runtime: time, request id, level, message. */
function prefixConsoleLines() {
  const asJson = process.env.AWS_LAMBDA_LOG_FORMAT === 'JSON';
  for (const [method, level] of /** @type {const} */ ([
    ['log', 'INFO'],
    ['info', 'INFO'],
    ['warn', 'WARN'],
    ['error', 'ERROR'],
    ['debug', 'DEBUG'],
    ['trace', 'TRACE'],
  ])) {
    console[method] = (...args) => {
      const timestamp = new Date().toISOString();
      const message = format(...args);
      process.stdout.write(
        asJson
          ? `${JSON.stringify({ timestamp, level, requestId: currentRequestId, message })}\n`
          : `${timestamp}\t${currentRequestId ?? 'undefined'}\t${level}\t${message.replaceAll('\n', '\r')}\n`,
      );
    };
  }
}
