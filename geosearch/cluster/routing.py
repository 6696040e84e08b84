"""Files that make HAProxy send each question to the region that owns its position.

Useful for: `regional_build`, which writes `haproxy.cfg` and `regions.lua` beside the regions.
Not useful for: questions that span regions; those go to the gateway.

HAProxy reads `lat` and `lng` from the query string or from the JSON body, and Lua computes the
owner by the rule of `indexes.geo.territories`, in the same doubles and steps. What it cannot read,
and what names no position, goes to the gateway; so does a question that only an area bounds.
"""

from collections.abc import Sequence
from http import HTTPStatus

import orjson

from geosearch.cluster.cuts import Region
from geosearch.service.problems import MEDIA_TYPE, problem_body
from indexes.geo.territories import LAST_LAT, edges_of_area

FIRST_PORT = 8101
"""Port of the first region on this machine, unless the environment names its address."""

CONFIGURATION, SCRIPT = "haproxy.cfg", "regions.lua"

_SCRIPT = """\
-- Which region owns a position: see docs/regions.md, "Who owns a position".
local LAST_LAT = %(last_lat)s
local REGIONS = {
%(regions)s
}
local KNOWN = {}
for _, region in ipairs(REGIONS) do KNOWN[region.id] = true end

local function owner(lat, lng)
  if lat > LAST_LAT then lat = LAST_LAT end
  if lng >= 180.0 then lng = -180.0 end
  for _, region in ipairs(REGIONS) do
    local odd = false
    for _, e in ipairs(region) do
      if e[2] <= lat and lat < e[4] and
         lng < e[1] + (lat - e[2]) * (e[3] - e[1]) / (e[4] - e[2]) then
        odd = not odd
      end
    end
    if odd then return region.id end
  end
  return nil
end

-- The place after a JSON string that begins at a quote.
local function after_string(body, at)
  at = at + 1
  while true do
    at = body:find('["\\\\]', at)
    if not at then return #body + 1 end
    if body:byte(at) == 34 then return at + 1 end
    at = at + 2
  end
end

-- The place after a JSON array or object that begins at a bracket.
local function after_nested(body, at)
  local depth = 0
  while true do
    at = body:find('["%%[%%]{}]', at)
    if not at then return #body + 1 end
    local char = body:sub(at, at)
    if char == '"' then
      at = after_string(body, at)
    else
      depth = depth + ((char == "[" or char == "{") and 1 or -1)
      at = at + 1
      if depth == 0 then return at end
    end
  end
end

-- Texts of the members of a JSON object, without those that are null; none if it is not all there,
-- or if a name has a backslash, with which any name can be written.
local function members(body)
  local found = {}
  local at = body:match("^%%s*{()")
  while at do
    local quote = body:match('^[%%s,]*()"', at)
    if not quote then break end
    local past = after_string(body, quote)
    local name = body:sub(quote + 1, past - 2)
    local value = body:match("^%%s*:%%s*()", past)
    if not value or name:find("\\\\", 1, true) then return {} end
    local char = body:sub(value, value)
    if char == '"' then
      at = after_string(body, value)
    elseif char == "[" or char == "{" then
      at = after_nested(body, value)
    else
      at = body:match("^[^%%s,}]*()", value)
    end
    local text = body:sub(value, at - 1)
    found[name] = text ~= "null" and text or nil
  end
  return at and body:match("^%%s*}%%s*$", at) and found or {}
end

local function parameters(txn)
  local found = {}
  for piece in (txn.f:query() or ""):gmatch("[^&]+") do
    local name, value = piece:match("^([^=]*)=?(.*)$")
    -- A list may be written `ids[]` or `ids[0]`.
    found[txn.c:url_dec(name):gsub("%%[%%d*%%]$", "")] = txn.c:url_dec(value)
  end
  return found
end

local function region_of(txn)
  local asked = txn.f:req_hdr("x-region")
  if asked and asked ~= "" then return KNOWN[asked] and asked or nil end
  local path, method = txn.f:path(), txn.f:method()
  if path ~= "/v1/nearby" and path ~= "/v1/suggest" then return nil end
  local question = method == "POST" and members(txn.f:req_body() or "") or parameters(txn)
  if not question.radius and (question.zone or question.bbox or question.polygon or
     question.ids) then
    return nil
  end
  local lat, lng = tonumber(question.lat or ""), tonumber(question.lng or "")
  return lat and lng and owner(lat + 0.0, lng + 0.0) or nil
end

core.register_action("route", { "http-req" }, function(txn)
  local region = region_of(txn)
  txn:set_var("txn.backend", region and "region-" .. region or "gateway")
end)
"""

_CONFIGURATION = """\
# Written by `geosearch build --regions`. Check it with `haproxy -c -f haproxy.cfg`.
# The environment may name addresses:
#   GEOSEARCH_BIND        where apps ask
#   GEOSEARCH_INSIDE      where gateways ask regions; keep it private
#   GEOSEARCH_REGION_x    region x, in capitals, with _ for -; GEOSEARCH_REPLICA_x, if it has two
#   GEOSEARCH_GATEWAY     the gateway; GEOSEARCH_GATEWAY_2, if there are two
# No line logs requests: their URLs have positions.
global
    default-path config
    # One state for all threads: HAProxy 2.6 looks for one a thread beside the working folder.
    lua-load {script}
    # A longer body goes to the gateway, and is not sent twice.
    tune.bufsize 65536

defaults
    mode http
    timeout connect 1s
    timeout client 60s
    timeout server {region_seconds}s
    timeout http-request 10s
    timeout http-keep-alive 60s
    # Two more attempts, the first of them at another server already: all routes only read. Silence
    # is waited out again only where there is another one; else it is told at once.
    retries 2
    option redispatch 1
    # 503 is also the answer to `min_seq` of a replica that does not show the change yet.
    retry-on {repeated}
    option http-buffer-request
    balance leastconn
    # Answers with 503 say nothing about a server, so only connections and checks take it out.
    default-server check inter 1s fall 2 rise 1 maxconn 2000
    default-server observe layer4 error-limit 2 on-error mark-down

frontend geosearch
    bind "${{GEOSEARCH_BIND-:8080}}"
    # Only the gateway asks for the part of a region, and it asks inside.
    http-request del-header X-Owned
    http-request lua.route
    use_backend %[var(txn.backend)]
    default_backend gateway

frontend inside
    bind "${{GEOSEARCH_INSIDE-127.0.0.1:8090}}"
    use_backend region-%[req.hdr(x-region)]

backend gateway
    # It answers although a region is lost, so /readyz is not asked.
    option httpchk GET /healthz
    timeout server {gateway_seconds}s
    http-request set-timeout server {long_seconds}s if {{ path {long_paths} }}
{gateway_errors}
    server gateway "${{GEOSEARCH_GATEWAY-127.0.0.1:8100}}"
.if defined(GEOSEARCH_GATEWAY_2)
    retry-on {repeated} response-timeout
    server gateway-2 "${{GEOSEARCH_GATEWAY_2}}"
.endif
"""

_BACKEND = """
backend region-{region_id}
    option httpchk GET /readyz
    http-request set-timeout server {long_seconds}s if {{ path {long_paths} }}
{errors}
    server {region_id} "${{{variable}-127.0.0.1:{port}}}"
.if defined({second})
    retry-on {repeated} response-timeout
    server {region_id}-2 "${{{second}}}"
.endif
"""

_SECONDS = {"region_seconds": 2, "gateway_seconds": 5, "long_seconds": 30}
"""Longest waits: of a region it is longer than that for `min_seq`; a gateway asks regions twice."""

_UNANSWERED = (
    HTTPStatus.BAD_GATEWAY,
    HTTPStatus.SERVICE_UNAVAILABLE,
    HTTPStatus.GATEWAY_TIMEOUT,
)

_REPEATED = "conn-failure empty-response junk-response 503"

_LONG_PATHS = "/v1/nearby:batch /v1/cards:worth /v1/coverage"


def haproxy_configuration(regions: Sequence[Region]) -> str:
    """The configuration, with a backend a region; further replicas are further servers of it."""
    shared = {**_SECONDS, "long_paths": _LONG_PATHS, "script": SCRIPT, "repeated": _REPEATED}
    backends = (
        _BACKEND.format(
            region_id=region.region_id,
            variable=variable_of(region.region_id),
            second=variable_of(region.region_id, "REPLICA"),
            port=port,
            errors=_errors(f"Region `{region.region_id}`"),
            **shared,
        )
        for port, region in enumerate(regions, FIRST_PORT)
    )
    first = _CONFIGURATION.format(gateway_errors=_errors("The gateway"), **shared)
    return first + "".join(backends)


def _errors(who: str) -> str:
    """What HAProxy answers where nobody else does: a problem, as RFC 9457 has it."""
    told = orjson.loads(problem_body("region_down", f"{who} cannot be reached"))
    line = "    http-error status {} content-type {} string '{}'"
    return "\n".join(
        line.format(
            status.value,
            MEDIA_TYPE.decode(),
            orjson.dumps(told | {"title": status.phrase, "status": status.value}).decode(),
        )
        for status in _UNANSWERED
    )


def variable_of(region_id: str, kind: str = "REGION") -> str:
    """Environment variable with the address of a region, or of its replica.

    >>> variable_of("north-1"), variable_of("r1", "REPLICA")
    ('GEOSEARCH_REGION_NORTH_1', 'GEOSEARCH_REPLICA_R1')
    """
    return f"GEOSEARCH_{kind}_{region_id.upper().replace('-', '_')}"


def lua_script(regions: Sequence[Region]) -> str:
    """The Lua file of the configuration; `repr` writes a double that reads back the same."""
    lines = []
    for region in regions:
        edges = edges_of_area(region.area).tolist()
        rows = ",".join("{" + ",".join(map(repr, edge)) + "}" for edge in edges)
        lines.append(f'  {{ id = "{region.region_id}", {rows} }},')
    return _SCRIPT % {"last_lat": repr(LAST_LAT), "regions": "\n".join(lines)}
