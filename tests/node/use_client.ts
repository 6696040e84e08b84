// Uses types that openapi-typescript made, over openapi-fetch; compiled strictly, then run.
// Usage: node use_client.js URL. Prints what it got as JSON.
import createClient from "openapi-fetch";
import type { components, paths } from "./schema.js";

// A query without `fields` has whole results.
type Result = components["schemas"]["Result"];

// Without the media type, `data` would also be what `format=geojson` answers.
const client = createClient<paths, "application/json">({ baseUrl: process.argv[2] });
const here = { lat: 31.23, lng: 121.47 };
const ring = [[121.4, 31.2], [121.5, 31.2], [121.5, 31.3], [121.4, 31.3]];
const box = [121.4, 31.2, 121.5, 31.3];

const get = await client.GET("/v1/nearby", {
  params: { query: { ...here, cards: ["red", "gold"], limit: 3, total: true } },
});
const boxed = await client.GET("/v1/nearby", { params: { query: { ...here, bbox: box, limit: 3 } } });
const post = await client.POST("/v1/nearby", { body: { ...here, cards: ["red"], limit: 3 } });
const polygon = await client.POST("/v1/nearby", {
  body: { ...here, polygon: { type: "Polygon", coordinates: [ring] }, limit: 3 },
});
const batch = await client.POST("/v1/nearby:batch", { body: { queries: [{ ...here, limit: 3 }] } });
const suggest = await client.GET("/v1/suggest", { params: { query: { q: "a", ...here } } });
const zones = await client.GET("/v1/zones", { params: { query: { bbox: box } } });
const categories = await client.GET("/v1/categories");
const whole = get.data!.results as Result[];
const first: string = whole[0]!.merchant.merchant_id;
const merchant = await client.GET("/v1/merchants/{merchant_id}", {
  params: { path: { merchant_id: first }, query: { ...here, cards: ["red"] } },
});
const saving: number | null | undefined = whole[0]!.best_deal?.saving;
const some = await client.GET("/v1/nearby", {
  params: { query: { ...here, fields: ["merchant.name", "distance_m"], lang: "zh", limit: 1 } },
});
console.log(JSON.stringify({
  saving, get: get.data, box: boxed.data, post: post.data, polygon: polygon.data,
  batch: batch.data, suggest: suggest.data, zones: zones.data, categories: categories.data,
  merchant: merchant.data, some: some.data,
}));
