/** The app that `mapreduce deploy` gives to cdk. */
import { deploymentApp } from './deploy/deployment-app.ts';

deploymentApp().synth();
