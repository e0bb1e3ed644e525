/**
 * EventBridge in virtual time. S3 sends an event for each object that is created; rules start executions with them. It
 * delivers each event at least once, after a delay, and in no order.
 */
import { EVENTBRIDGE_FACTS } from '../../src/aws/model/facts.ts';
import { INPUT_PREFIX, REQUEST_SUFFIX, REQUESTS_PREFIX } from '../../src/aws/protocol/keys.ts';
import { distributionOf } from '../distributions.ts';
import type { StoredObject } from '../s3/bucket.ts';
import type { PutEventsEntry, World } from '../services.ts';

export interface EventFaults {
  /** The fraction of events that are delivered twice, or more often. */
  readonly duplicateFraction?: number;
  /** The fraction of deliveries that take minutes, so that later events overtake them. */
  readonly delayedFraction?: number;
}

export interface EventBridgeOptions {
  readonly world: World;
  readonly startOnUpload: boolean;
  /** Starts an execution with the event as its input. It may refuse: the delivery is repeated. */
  readonly start: (event: unknown) => Promise<{ readonly executionArn: string }>;
  readonly faults?: EventFaults;
}

export interface Delivery {
  readonly key: string;
  readonly executionArn: string;
  readonly atMs: number;
}

const DELIVERY = distributionOf(EVENTBRIDGE_FACTS.deliveryMs);
/** EventBridge retries for so long; see infra/construct/start-rules.ts. */
const DELAYED_MS_MAX = 300_000;
const RETRY_MS = 1_000;

export class EventBridge {
  /** Of start events, in the order of their delivery. */
  readonly deliveries: Delivery[] = [];
  /** What others put on the bus. */
  readonly published: PutEventsEntry[] = [];
  duplicates = 0;
  delayed = 0;
  readonly #options: EventBridgeOptions;
  /** Deliveries that have not happened yet. */
  #pending = 0;
  #onIdle: () => void = () => {};

  constructor(options: EventBridgeOptions) {
    this.#options = options;
  }

  /** S3 calls it for each object that is created. */
  objectCreated(bucket: string, key: string, { bytes, etag, sequencer }: StoredObject): void {
    if (!this.#matches(key)) return;
    const { random } = this.#options.world;
    const { duplicateFraction = EVENTBRIDGE_FACTS.duplicateFraction.value } = this.#options.faults ?? {};
    const object = { key, size: bytes.sizeBytes, etag: etag.replaceAll('"', ''), sequencer };
    const event = {
      source: 'aws.s3',
      'detail-type': 'Object Created',
      detail: { version: '0', bucket: { name: bucket }, object },
    };
    this.#deliverLater(key, event);
    while (random() < duplicateFraction) {
      this.duplicates += 1;
      this.#deliverLater(key, event);
    }
  }

  async putEvents(entries: readonly PutEventsEntry[]): Promise<void> {
    this.published.push(...entries);
  }

  /** Resolves when all events have been delivered. */
  async delivered(): Promise<void> {
    if (this.#pending === 0) return;
    await new Promise<void>((resolve) => {
      this.#onIdle = resolve;
    });
  }

  /** As the rules of infra/construct/start-rules.ts, whose wildcard matches failure notes too. */
  #matches(key: string): boolean {
    if (key.startsWith(REQUESTS_PREFIX)) return key.endsWith(REQUEST_SUFFIX);
    return this.#options.startOnUpload && key.startsWith(INPUT_PREFIX);
  }

  #deliverLater(key: string, event: unknown): void {
    const { clock, random } = this.#options.world;
    const { delayedFraction = 0 } = this.#options.faults ?? {};
    const isDelayed = random() < delayedFraction;
    if (isDelayed) this.delayed += 1;
    const delayMs = DELIVERY.next(random) + (isDelayed ? DELAYED_MS_MAX * random() : 0);
    this.#pending += 1;
    clock.after(delayMs, () => void this.#deliver(key, event));
  }

  async #deliver(key: string, event: unknown): Promise<void> {
    const { world, start } = this.#options;
    try {
      const { executionArn } = await start(event);
      this.deliveries.push({ key, executionArn, atMs: world.clock.nowMs() });
      this.#pending -= 1;
      if (this.#pending === 0) this.#onIdle();
    } catch {
      world.clock.after(RETRY_MS, () => void this.#deliver(key, event));
    }
  }
}
