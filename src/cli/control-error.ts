import { ReplicationError } from '../core/errors.js';

/** The running imgsync-fast could not be asked, or said no. */
export class ControlError extends ReplicationError {
  constructor(
    override readonly code: 'NOT_RUNNING' | 'REFUSED',
    message: string,
    override readonly hint: string,
    /** Of the answer that said no. */
    readonly status?: number,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}
