/** `npm run update:asl` */
import { writeFileSync } from 'node:fs';
import { GOLDEN_FILE, renderedDefinition } from './rendered.ts';

writeFileSync(GOLDEN_FILE, renderedDefinition());
