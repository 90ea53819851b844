/** The steps of a field. What one gives the next takes. */
export interface PipelineSteps<Taken, Found> {
  /** One at a time, in order: the stage moves, the camera looks. */
  take(index: number): Promise<Taken>;
  /** Of several fields at the same time. */
  search(taken: Taken): Promise<Found>;
  /** One at a time, in order. False: enough, no further field is needed. */
  commit(found: Found): Promise<boolean>;
}

export interface PipelineRun {
  /** Numbers of the fields: from the first up to, not with, the end. */
  readonly from: number;
  readonly to: number;
  /** Fields that are taken and not yet committed, at most. */
  readonly underWay: number;
  /** Looked at before each field: true ends the taking; those under way are committed. */
  isHalted(): boolean;
}

/** `done`: to the end; `enough`: a commit said so; `halted`: as asked, all that was taken is committed. */
export type PipelineEnd = "done" | "enough" | "halted";

/**
 * Lets fields flow: while earlier ones are searched, the next is taken; never more than so many are under way. Commits come in order
 * without gaps. After a failure nothing later is committed; what was taken before it is.
 * @throws whatever a step throws; all that was begun has ended by then
 */
export const runPipeline = async <Taken, Found>(
  steps: PipelineSteps<Taken, Found>,
  { from, to, underWay, isHalted }: PipelineRun,
): Promise<PipelineEnd> => {
  const failures: unknown[] = [];
  let enough = false;
  let flowing = 0;
  let wake: () => void = () => {};
  let commits: Promise<void> = Promise.resolve();
  const isOver = (): boolean => enough || failures.length > 0;

  const follow = (found: Promise<Found>): void => {
    flowing++;
    // Its failure is met where its turn comes.
    found.catch(() => {});
    commits = commits
      .then(async () => {
        const result = await found;
        if (!isOver()) enough = !(await steps.commit(result));
      })
      .catch((error: unknown) => void failures.push(error))
      .finally(() => {
        flowing--;
        wake();
      });
  };

  let next = from;
  try {
    while (next < to && !isOver() && !isHalted()) {
      if (flowing >= underWay) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
        continue;
      }
      const taken = await steps.take(next);
      follow(steps.search(taken));
      next++;
    }
  } catch (error) {
    await commits;
    throw failures[0] ?? error;
  }
  await commits;
  if (failures.length > 0) throw failures[0];
  if (enough) return "enough";
  return next < to ? "halted" : "done";
};
