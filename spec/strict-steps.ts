import { strictSteps, undeclaredSteps } from '../machines/phase-table.js';

// In every test file an undeclared step of a phase table throws where it happens, and fails the test also where that is caught.
strictSteps(true);
let before = 0;
let expected = 0;

/** This test takes so many undeclared steps on purpose. */
export function expectUndeclaredSteps(count: number): void {
  expected = count;
}

beforeEach(() => {
  before = undeclaredSteps();
  expected = 0;
});

afterEach(() => {
  expect({ undeclaredSteps: undeclaredSteps() - before }).toEqual({ undeclaredSteps: expected });
});
