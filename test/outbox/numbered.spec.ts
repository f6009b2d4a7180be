import { describe, expect, it } from '@jest/globals';
import { numbered } from '../../lib/outbox/numbered.js';

describe('numbered()', () => {
  it('numbers the parameters from one on', () => {
    const marks = Array.from({ length: 12 }, () => '?').join(', ');
    expect(numbered(`VALUES (${marks})`)).toBe('VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)');
  });

  it('leaves a statement without parameters alone', () => {
    expect(numbered("SELECT '$1'")).toBe("SELECT '$1'");
  });
});
