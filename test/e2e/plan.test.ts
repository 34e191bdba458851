
swapTest("a task of an engine that has no rounds of scans is named, and the others are planned", async () => {
  const daemon = await lab.daemon(), own = await lab.workload(["--size", "4M"]);
  const cslide = "[engine]\nname=cslide\nproject=test\nnode_pair=0,1\nhot_threshold=1\nnode_mig_quota=1\nnode_hot_reserve=1\n"
    + `[task]\nproject=test\nengine=cslide\nname=c\ntype=pid\nvalue=${own.pid}\n`;
  await add(daemon, `${slideText([{ target: own.pid }])}\n${cslide}`);
  const { status, stdout } = await daemon.client("project", "plan", "-n", "test", "--seconds", "4");
  expect(status).toBe(0);
  expect(stdout).toContain("task background_slide of slide: 1 of 1 process");
  expect(stdout).toContain("task c of cslide: tasks of an engine of type cslide cannot be planned\n");
});
