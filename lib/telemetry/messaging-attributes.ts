import type { Attributes } from '@opentelemetry/api';

/**
 * Returns the attributes of OpenTelemetry's conventions for messaging.
 *
 * @param queue name of the queue, which its fleet shares.
 */
export function messagingAttributes(operation: 'send' | 'create' | 'process', queue: string): Attributes {
  return {
    'messaging.system': 'nestjs-tasks',
    'messaging.operation.name': operation,
    'messaging.operation.type': operation,
    'messaging.destination.name': queue,
  };
}

/** Attribute with the id of the execution. */
export const MESSAGE_ID = 'messaging.message.id';
