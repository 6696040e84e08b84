"""Files that make HAProxy send each question to the region that owns its position.

Useful for: `regional_build`, which writes `haproxy.cfg` and `regions.lua` beside the regions.
Not useful for: questions that span regions; those go to the gateway.

HAProxy reads `lat` and `lng` from the query string or from the JSON body, and Lua computes the
owner by the rule of `indexes.geo.territories`, in the same doubles and steps. What it cannot read,
and what names no position, goes to the gateway; so does a question that only an area bounds.
"""

from collections.abc import Sequence

from geosearch.cluster.cuts import Region
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

-- Texts of the members of a JSON object, without those that are null.
local function members(body)
  local found = {}
  local at = body:match("^%%s*{()")
  while at do
    local quote = body:match('^[%%s,]*()"', at)
    if not quote then break end
    local past = after_string(body, quote)
    local name = body:sub(quote + 1, past - 2)
    local value = body:match("^%%s*:%%s*()", past)
    if not value then break end
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
  return found
end

local function parameters(txn)
  local found = {}
  for piece in (txn.f:query() or ""):gmatch("[^&]+") do
    local name, value = piece:match("^([^=]*)=?(.*)$")
    found[name] = txn.c:url_dec(value)
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
# The environment may name addresses: GEOSEARCH_BIND, GEOSEARCH_GATEWAY, and GEOSEARCH_REGION_x for
# region x, in capitals, with _ for -. No line logs requests: their URLs have positions.
global
    default-path config
    # One state for all threads: HAProxy 2.6 looks for one a thread beside the working folder.
    lua-load {script}
    # The longest body whose position is read; a longer one goes to the gateway.
    tune.bufsize 65536

defaults
    mode http
    timeout connect 2s
    timeout client 30s
    timeout server 30s
    timeout http-request 10s
    option redispatch
    retries 2

frontend geosearch
    bind "${{GEOSEARCH_BIND-:8080}}"
    option http-buffer-request
    # Only the gateway asks for the part of a region, and it asks regions itself.
    http-request del-header X-Owned
    http-request lua.route
    use_backend %[var(txn.backend)]
    default_backend gateway

backend gateway
    server gateway "${{GEOSEARCH_GATEWAY-127.0.0.1:8100}}"
"""

_BACKEND = """
backend region-{region_id}
    option httpchk GET /readyz
    server {region_id} "${{{variable}-127.0.0.1:{port}}}" check
"""


def haproxy_configuration(regions: Sequence[Region]) -> str:
    """The configuration, with a backend a region; further replicas are further servers of it."""
    backends = (
        _BACKEND.format(
            region_id=region.region_id, variable=variable_of(region.region_id), port=port
        )
        for port, region in enumerate(regions, FIRST_PORT)
    )
    return _CONFIGURATION.format(script=SCRIPT) + "".join(backends)


def variable_of(region_id: str) -> str:
    """Environment variable with the address of a region.

    >>> variable_of("north-1")
    'GEOSEARCH_REGION_NORTH_1'
    """
    return f"GEOSEARCH_REGION_{region_id.upper().replace('-', '_')}"


def lua_script(regions: Sequence[Region]) -> str:
    """The Lua file of the configuration; `repr` writes a double that reads back the same."""
    lines = []
    for region in regions:
        edges = edges_of_area(region.area).tolist()
        rows = ",".join("{" + ",".join(map(repr, edge)) + "}" for edge in edges)
        lines.append(f'  {{ id = "{region.region_id}", {rows} }},')
    return _SCRIPT % {"last_lat": repr(LAST_LAT), "regions": "\n".join(lines)}
