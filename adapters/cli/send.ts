import type { Command } from 'commander';
export function sendCommand(_program: Command): void {}
