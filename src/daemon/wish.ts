// Who decides whether a project of the configuration directory runs. Pure.

/** A project as it was before a reload. */
export interface Before {
  readonly started: boolean;
  /** Somebody has started or stopped it since it is there. */
  readonly byHand: boolean;
}

/** Whoever starts or stops a project by hand decides it from then on; until then its key `start` does. */
export function startedByWish(before: Before | undefined, start: boolean): Before {
  return before?.byHand === true ? { started: before.started, byHand: true } : { started: start, byHand: false };
}
