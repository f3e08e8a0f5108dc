/** How long events that were sent are kept, in the outboxes and on the broker: one that has lost its store is given them again. */
export const sentKeptForMs = 7 * 24 * 3_600_000;

/** How long it is known which events were handled: twice as long as one can come again. */
export const handledKeptForMs = 2 * sentKeptForMs;
