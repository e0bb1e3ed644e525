/** What `mapreduce deploy` gives to cdk. */
import { deploymentApp } from './deployment-app.ts';

deploymentApp().synth();
