// Every command. A line loads its own module only when it is typed, so that a client starts quickly.
import type { CommandEntry } from "./command.ts";

export const COMMANDS: readonly CommandEntry[] = [
  {
    path: ["obj", "add"], doc: "Adds the projects, engines and tasks of a configuration file.",
    load: async () => (await import("./obj/add.ts")).objAdd,
  },
  {
    path: ["obj", "del"], doc: "Deletes the projects, engines and tasks that a configuration file names.",
    load: async () => (await import("./obj/del.ts")).objDel,
  },
  {
    path: ["obj", "check"], doc: "Checks a configuration file, or a directory of them, without a daemon.",
    load: async () => (await import("./obj/check.ts")).objCheck,
  },
  {
    path: ["project", "show"], doc: "Shows the projects with their engines and tasks.",
    load: async () => (await import("./project/show.ts")).projectShow,
  },
  {
    path: ["project", "start"], doc: "Starts all tasks of a project.",
    load: async () => (await import("./project/start.ts")).projectStart,
  },
  {
    path: ["project", "stop"], doc: "Stops all tasks of a project.",
    load: async () => (await import("./project/stop.ts")).projectStop,
  },
  {
    path: ["project", "plan"], doc: "Looks at the processes of a project and says what moving would bring and cost; nothing is moved.",
    load: async () => (await import("./project/plan.ts")).projectPlan,
  },
  {
    path: ["project", "pause"], doc: "Lets a started project rest: nothing is looked at or moved until it is resumed.",
    load: async () => (await import("./project/pause.ts")).projectPause,
  },
  {
    path: ["project", "resume"], doc: "Lets a paused project go on.",
    load: async () => (await import("./project/resume.ts")).projectResume,
  },
  {
    path: ["engine"], doc: "Runs a private command of an engine and prints its answer.",
    load: async () => (await import("./engine.ts")).engine,
  },
  {
    path: ["reload"], doc: "Has the daemon read its configuration directory again, all of it or nothing, and prints what it did.",
    load: async () => (await import("./reload.ts")).reload,
  },
  {
    path: ["stats"], doc: "Prints what was moved, what it cost, and what held it back.",
    load: async () => (await import("./stats.ts")).stats,
  },
  {
    path: ["top"], doc: "Shows the processes of all projects, live: how cold their memory is, what is out, what comes back.",
    load: async () => (await import("./top.ts")).top,
  },
  {
    path: ["daemon"], doc: "Runs the daemon; the same as etmemd.",
    load: async () => (await import("./daemon.ts")).daemon,
  },
  {
    path: ["demo"], doc: "Shows on this machine what etmem does, in 20 seconds.",
    load: async () => (await import("./demo.ts")).demo,
  },
  {
    path: ["doctor"], doc: "Says what this kernel and these privileges allow, and what to do about the rest.",
    load: async () => (await import("./doctor.ts")).doctor,
  },
  {
    path: ["heatmap"], doc: "Draws the memory of a process by how long it has not been accessed.",
    load: async () => (await import("./heatmap.ts")).heatmap,
  },
  {
    path: ["completion"], doc: "Prints the completion script of a shell.",
    load: async () => (await import("./completion.ts")).completion(COMMANDS),
  },
  { path: ["__complete"], load: async () => (await import("./complete.ts")).complete },
  { path: ["generate"], load: async () => (await import("./generate.ts")).generate(COMMANDS) },
  { path: ["plugin-host"], load: async () => (await import("./plugin-host.ts")).pluginHost },
  { path: ["probe"], load: async () => (await import("./probe.ts")).probe },
  { path: ["struct-offsets"], load: async () => (await import("./struct-offsets.ts")).structOffsets },
  { path: ["workload"], load: async () => (await import("./workload.ts")).workload },
];
