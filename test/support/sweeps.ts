/** What the experiments of tests about sweeps have in common. */

/** Of the step `train`, which writes `{"accuracy": 94.1}` or so to `m.json`; the end of an experiment's YAML. */
export const CLAIM_OVER_SEEDS = `claims:
  - name: accuracy over seeds
    from: train/m.json#/accuracy
    over: seeds
    value: { mean: 94.0, std: 0.3, n: 10 }
    tolerance: { absolute: 2, because: made up }
`;
