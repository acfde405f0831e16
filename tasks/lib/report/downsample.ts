/** Long curves for narrow pictures: of each pixel column the least and the largest value are kept. */

export interface Point {
  x: number;
  y: number;
}

/**
 * At most two points for each column, and the first and the last: a peak of one epoch in ten thousand stays visible.
 *
 * @param points in the order of x
 * @param columns width of the picture in pixels
 */
export function downsample(points: readonly Point[], columns: number): Point[] {
  if (points.length <= 2 * columns) return [...points];
  const kept = new Set<Point>([points[0]!, points.at(-1)!]);
  for (let column = 0; column < columns; column++) {
    const from = Math.floor(column * points.length / columns);
    const to = Math.floor((column + 1) * points.length / columns);
    const [least, largest] = extremes(points, from, to);
    kept.add(least).add(largest);
  }
  return points.filter((point) => kept.has(point));
}

function extremes(points: readonly Point[], from: number, to: number): [Point, Point] {
  let least = points[from]!;
  let largest = least;
  for (let index = from + 1; index < to; index++) {
    const point = points[index]!;
    if (point.y < least.y) least = point;
    if (point.y > largest.y) largest = point;
  }
  return [least, largest];
}
