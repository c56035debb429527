-- wrk: OwnTracks HTTP mode. Environment: BENCH_AUTH (the Basic credentials, base64), BENCH_FIRST
-- (number of the first fix). Prints one JSON line.
local count = tonumber(os.getenv("BENCH_FIRST"))
local auth = "Basic " .. os.getenv("BENCH_AUTH")
local heads = {}
for i = 0, 31 do
  heads[i] = { ["Content-Type"] = "application/json", ["X-Limit-D"] = "h" .. i, ["Authorization"] = auth }
end

function request()
  count = count + 1
  local at = 1600000000 + count
  local body = string.format('{"_type":"location","tst":%d,"lat":48.%06d,"lon":12.%06d,"acc":12,"alt":154,' ..
    '"batt":83,"bs":1,"cog":270,"vel":43,"vac":4,"conn":"m","m":1,"t":"u","tid":"%02d",' ..
    '"BSSID":"00:11:22:33:44:55","SSID":"home network","inregions":["Home","Garden"],"created_at":%d,"_id":"%08x"}',
    at, count * 13 % 1000000, count * 7 % 1000000, count % 100, at + 1, count)
  return wrk.format("POST", "/pub", heads[count % 32], body)
end

function done(summary, latency)
  local errors = summary.errors.status + summary.errors.connect + summary.errors.read + summary.errors.timeout
  io.write(string.format('{"done":%d,"per_s":%.1f,"p50_ms":%.3f,"p99_ms":%.3f,"errors":%d}\n', summary.requests,
    summary.requests / summary.duration * 1e6, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3, errors))
end
