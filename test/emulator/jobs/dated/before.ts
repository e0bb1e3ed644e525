import { dated } from './dated.ts';

export default dated('before');
