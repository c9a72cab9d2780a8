import type { Command } from 'commander';
export function receiveCommand(_program: Command): void {}
