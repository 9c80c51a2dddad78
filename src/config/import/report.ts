import type { ConfigFault } from '../../core/errors.js';
import type { Note, Remark } from './remark.js';

/** Where something stands in the old file; 1-based. */
export interface Place {
  readonly line: number;
  readonly column: number;
}

/** Remarks and faults with their places. */
export class Report {
  readonly remarks: Remark[] = [];
  readonly faults: ConfigFault[] = [];

  note({ line, column }: Place, note: Note): void {
    this.remarks.push({ line, column, ...note });
  }

  fault({ line, column }: Place, message: string): void {
    this.faults.push({ pointer: '', line, column, message });
  }
}
