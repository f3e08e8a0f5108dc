import { DeadLetterService } from "../../../gen/giftmesh/events/v1/dead_letter_service_pb.ts";
import type { Call } from "../rpc/call.ts";
import { type Served, serve } from "../rpc/handler.ts";
import { toTimestamp } from "../time.ts";
import type { FailedEvent } from "./failed-events.ts";

/** The dead letters of one service. */
export interface DeadLetters {
  /** The oldest first; those after one of them, where it is given. */
  list(limit: number, after?: FailedEvent): Promise<FailedEvent[]>;
  /** Answers whether it has been handled now. */
  replay(letter: FailedEvent): Promise<boolean>;
}

const defaultLimit = 100;

/** Serves the dead letters of all services of this process as one list. */
export function serveDeadLetters(services: readonly DeadLetters[]): Served {
  return serve(DeadLetterService, {
    async listDeadLetters({ limit = defaultLimit }) {
      const lists = await Promise.all(services.map((service) => service.list(limit)));
      const oldestFirst = lists.flat().sort((a, b) => Number(a.deadAt - b.deadAt));
      return { deadLetters: oldestFirst.slice(0, limit).map(deadLetterOf) };
    },

    async replayDeadLetters({ consumer, eventId }, call) {
      const counts = { handledCount: 0, failedCount: 0 };
      const isMeant = (letter: FailedEvent) =>
        (consumer === undefined || consumer === letter.consumer) &&
        (eventId === undefined || eventId === letter.event.id);
      for (const service of services) {
        for await (const letter of lettersOf(service, call)) {
          if (!isMeant(letter)) continue;
          if (await service.replay(letter)) counts.handledCount++;
          else counts.failedCount++;
        }
      }
      return counts;
    },
  });
}

/** All of a service's dead letters, or as many as can be seen to before the deadline. */
async function* lettersOf(service: DeadLetters, call: Call): AsyncIterable<FailedEvent> {
  let last: FailedEvent | undefined;
  do {
    const letters = await service.list(defaultLimit, last);
    for (const letter of letters) {
      if (call.remainingMs === 0) return;
      yield letter;
    }
    last = letters.at(-1);
  } while (last);
}

function deadLetterOf({ consumer, event, error, attempts, deadAt }: FailedEvent) {
  const { id, subject, payload } = event;
  return { consumer, eventId: id, subject, payload, error, attempts, deadAt: toTimestamp(deadAt) };
}
