import assert from "node:assert/strict";
import { peel } from "../../../src/graph/peel.ts";
import { type Kind, TAG } from "../../../src/object/kind.ts";
import { endOfTags } from "../../../src/object/tag_chain.ts";
import { ObjectLooks } from "../../../src/storage/files/object_looks.ts";
import type { ObjectStore } from "../../../src/storage/types.ts";
import { FakeGraph } from "../../support/fake_graph.ts";
import { describe, it } from "../../support/test.ts";

const LINKS = 2000;

class CountingGraph extends FakeGraph {
  followed = 0;

  override tagTarget(tag: number): number {
    this.followed++;
    return super.tagTarget(tag);
  }
}

/** A chain of tags, from the one next to its blob to the outermost. */
function chain(graph: FakeGraph): { blob: number; tags: number[] } {
  const blob = graph.addBlob();
  const tags: number[] = [];
  for (let i = 0; i < LINKS; i++) tags.push(graph.addTag(tags.at(-1) ?? blob));
  return { blob, tags };
}

describe("endOfTags", () => {
  it("follows each link of a chain once, wherever it begins", () => {
    for (const order of ["inwards", "outwards"]) {
      const graph = new CountingGraph();
      const { blob, tags } = chain(graph);
      if (order === "inwards") tags.reverse();
      for (const tag of tags) assert.equal(peel(graph, tag), blob);
      assert.equal(graph.followed, LINKS, order);
    }
  });

  it("is as quick for those who write packed-refs", () => {
    const graph = new CountingGraph();
    const { blob, tags } = chain(graph);
    const store = graph as unknown as ObjectStore;
    const looks = new ObjectLooks(() => ({ store, release: () => {} }));
    for (const tag of tags) {
      assert.equal(looks.peel(graph.oid(tag)), graph.oid(blob));
    }
    assert.equal(graph.followed, LINKS);
  });

  it("gives what is no tag as it is, and nothing for what is missing", () => {
    const graph = new FakeGraph();
    const { blob, tags: [first = -1, second = -1] } = chain(graph);
    assert.equal(endOfTags(graph, blob), blob);
    assert.equal(endOfTags(graph, -1), -1);
    assert.equal(endOfTags(graph, second), blob);
    graph.remove(blob);
    assert.equal(endOfTags(graph, first), -1);
    assert.equal(endOfTags(graph, second), -1);
  });

  it("ends in a circle", () => {
    const circle = {
      count: 2,
      has: () => true,
      kind: (): Kind => TAG,
      tagTarget: (tag: number) => 1 - tag,
    };
    assert.equal(endOfTags(circle, 0), -1);
    assert.equal(endOfTags(circle, 1), -1);
  });
});
