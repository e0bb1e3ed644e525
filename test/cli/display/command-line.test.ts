import { describe, expect, test } from 'vitest';
import { commandLine } from '../../../src/cli/display/command-line.ts';

describe('a suggested command line', () => {
  test('names the deployment as the user did', () => {
    expect(commandLine('wait daily')).toBe('mapreduce wait daily');
    expect(commandLine('wait daily', { local: true })).toBe('mapreduce wait daily --local');
    expect(commandLine('wait daily', { stack: 'Mine', local: true })).toBe(
      'mapreduce wait daily --stack Mine --local',
    );
    expect(commandLine('jobs', { bucket: 'b', stateMachine: 'arn:aws:states:r:1:stateMachine:M' })).toBe(
      'mapreduce jobs --bucket b --state-machine arn:aws:states:r:1:stateMachine:M',
    );
  });

  test('is quoted so that a shell takes it literally', () => {
    expect(commandLine('jobs', { stack: "it's $(mine)" })).toBe("mapreduce jobs --stack 'it'\\''s $(mine)'");
  });
});
