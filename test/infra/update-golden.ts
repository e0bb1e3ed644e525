/** `npm run update:asl` */
import { writeFileSync } from 'node:fs';
import { GOLDEN } from './rendered.ts';

for (const { file, render } of GOLDEN) writeFileSync(file, JSON.stringify(render(), undefined, 2));
