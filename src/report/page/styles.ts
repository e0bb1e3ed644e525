import { Html } from './html.ts';

/** Light and dark colour schemes. All text has a contrast of at least 4.5:1 against its background. */
export const STYLES = new Html(`
:root { color-scheme: light dark; --ink: #1b1f24; --dim: #57606a; --paper: #ffffff; --line: #d0d7de; --soft: #f3f5f7;
  --map: #0969da; --reduce: #8250df; --rest: #8c959f; --bad: #b42318; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6edf3; --dim: #9da7b3; --paper: #0d1117; --line: #30363d;
  --soft: #161b22; --map: #58a6ff; --reduce: #bc8cff; --rest: #6e7681; --bad: #ff8f85; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1.5rem; max-width: 70rem; font: 15px/1.5 system-ui, sans-serif; color: var(--ink);
  background: var(--paper); }
h1 { margin: 0; font-size: 1.6rem; } h2 { margin: 2rem 0 .5rem; font-size: 1.15rem; }
p { margin: .3rem 0; } .dim { color: var(--dim); } .bad { color: var(--bad); }
.figures { display: flex; flex-wrap: wrap; gap: .75rem; margin: 1rem 0; padding: 0; list-style: none; }
.figures li { padding: .5rem .9rem; border: 1px solid var(--line); border-radius: 6px; }
.figures b { display: block; font-size: 1.2rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .25rem .8rem .25rem 0; border-bottom: 1px solid var(--line); text-align: left; vertical-align: top; }
td { overflow-wrap: anywhere; } .n { text-align: right; white-space: nowrap; }
code, pre { font: 13px/1.45 ui-monospace, monospace; }
pre { margin: .5rem 0; padding: .7rem; overflow-x: auto; background: var(--soft); border-radius: 6px; }
summary { cursor: pointer; overflow-wrap: anywhere; } details { margin: .4rem 0; }
svg { display: block; width: 100%; height: auto; } svg text { font: 13px system-ui, sans-serif; fill: var(--ink); }
.map { fill: var(--map); } .reduce { fill: var(--reduce); } .rest { fill: var(--rest); }
.axis { stroke: var(--line); } .mean { stroke: var(--bad); stroke-dasharray: 6 4; }
`);
