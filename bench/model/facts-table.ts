/** The constants and the prices of the model as tables, with their sources. */
import { FACTS, type Fact } from '../../src/aws/model/facts.ts';
import { IDLE_PRICES, PRICED_REGIONS, pricesOf, REGION_DEFAULT } from '../../src/aws/model/prices.ts';
import { GiB, KiB, MiB } from '../../src/base/limits.ts';
import { markdownTable } from './markdown.ts';

export function describeFacts(): string {
  const facts = Object.entries(FACTS).flatMap(([service, named]) =>
    Object.entries<Fact>(named).map(([name, fact]) => ({ service, name, fact })),
  );
  const sources = [...new Set(facts.map(({ fact }) => sourceOf(fact)))];
  const rows = facts.map(({ service, name, fact }) => [
    service,
    `\`${name}\``,
    factText(name, fact.value),
    rangeText(name, fact),
    String(sources.indexOf(sourceOf(fact)) + 1),
  ]);
  return [
    markdownTable(['service', 'constant', 'value', 'good to bad', 'source'], rows),
    '',
    ...sources.map((source, index) => `${index + 1}. ${source}`),
  ].join('\n');
}

function sourceOf({ source, asOf }: Fact): string {
  return `${source} (${asOf})`;
}

function rangeText(name: string, { low, high }: Fact): string {
  return low === undefined || high === undefined ? '' : `${factText(name, low)} to ${factText(name, high)}`;
}

const BINARY: readonly (readonly [unit: number, name: string])[] = [
  [GiB, 'GiB'],
  [MiB, 'MiB'],
  [KiB, 'KiB'],
];

/** The unit is in the name of the constant, except for bytes that are a whole number of a larger unit. */
function factText(name: string, value: number): string {
  const binary = /Bytes/.test(name)
    ? BINARY.find(([unit]) => value >= unit && value % unit === 0)
    : undefined;
  // Many round decimal numbers are whole numbers of KiB.
  if (binary === undefined || value / binary[0] >= 10 * KiB) return numberText(value);
  return `${numberText(value / binary[0])} ${binary[1]}`;
}

function numberText(value: number): string {
  return value.toLocaleString('en-US', { maximumFractionDigits: 10 });
}

export function describePrices(): string {
  const { gbSecond, scratchGbSecond, invocation, transition, expressExecution, expressGbSecond } =
    pricesOf(REGION_DEFAULT);
  const everywhere = [
    ['a GB-second of a function (arm64)', gbSecond],
    ['a GB-second of the /tmp of a function above 512 MB', scratchGbSecond],
    ['1 million invocations', invocation * 1e6],
    ['1,000 state transitions', transition * 1e3],
    ['1 million EXPRESS executions', expressExecution * 1e6],
    ['a GB-second of an EXPRESS execution', expressGbSecond],
  ] as const;
  const regions = PRICED_REGIONS.map((region) => {
    const { s3Write, s3Read, asOf } = pricesOf(region);
    return [region, priceText(s3Write * 1e3), priceText(s3Read * 1e3), asOf];
  });
  return [
    markdownTable(
      ['in each of these Regions', 'price'],
      everywhere.map(([what, price]) => [what, priceText(price)]),
    ),
    '',
    markdownTable(['Region', '1,000 PUTs or LISTs', '1,000 GETs or HEADs', 'price list of'], regions),
  ].join('\n');
}

export function describeIdlePrices(): string {
  const { dashboard, dashboardsFree, alarm, alarmsFree, kmsKey, kmsRequest } = IDLE_PRICES;
  const { eventBridgeEvent, logsGb, trace } = IDLE_PRICES;
  const rows: [string, number, string][] = [
    ['the dashboard, a month', dashboard, `${dashboardsFree} of an account are free`],
    ['each of the 4 alarms, a month', alarm, `${alarmsFree} of an account are free`],
    ['a KMS key of your own, a month', kmsKey, 'only if you gave one'],
    ['10,000 uses of that key', kmsRequest * 1e4, 'few: the bucket uses a bucket key'],
    [
      '1 million objects created in the bucket',
      eventBridgeEvent * 1e6,
      'S3 sends an event for each to EventBridge',
    ],
    ['1 GB of logs', logsGb, 'a task logs a few lines'],
    ['1 million traces', trace * 1e6, 'X-Ray'],
  ];
  return markdownTable(
    ['what', 'price', ''],
    rows.map(([what, price, note]) => [what, priceText(price), note]),
  );
}

/** All digits of a price, and at least whole cents. */
function priceText(price: number): string {
  return `$${price.toLocaleString('en-US', { minimumFractionDigits: 2, maximumFractionDigits: 10 })}`;
}
