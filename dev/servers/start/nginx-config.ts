import type { NginxProgram } from './server-paths';

export interface NginxConfig {
  program: NginxProgram;
  dir: string;
  /** 127.0.0.2, 127.0.0.3, … */
  ip: string;
  /** TLS: protected location, and the API of NGINX Plus. */
  port: number;
  /** HTTP: the API alone. */
  apiPort: number;
  /** HTTP: what only tests use. */
  controlPort: number;
  /** Path of the protected location. */
  path: string;
  /** Name of the key-value zone. */
  zone: string;
  /** PEM files of the TLS server. */
  certFile: string;
  keyFile: string;
}

/**
 * The configuration of one instance that imitates NGINX Plus: the tokens are in a shared zone, as those of a keyval zone
 * are. Free nginx has neither keyval zones nor the API, so Lua answers in their place.
 */
export function nginxConfig(config: NginxConfig): string {
  const { program, dir, ip, path, zone } = config;
  const load = program.modules.map((file) => `load_module "${file}";`).join('\n');
  const luaPath = program.luaPath === undefined ? '' : `lua_package_path "${program.luaPath};;";`;
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((kind) => `${kind}_temp_path "${dir}/${kind}";`)
    .join('\n  ');
  // A worker of root would become another user, which cannot read the folder.
  const user = process.getuid?.() === 0 ? 'user root root;' : '';
  return `${load}
${user}
daemon off;
worker_processes 1;
error_log "${dir}/nginx.log" warn;
pid "${dir}/nginx.pid";
events { worker_connections 1024; }
http {
  ${temporary}
  access_log off;
  # Longer than the longest pause of a test: the client decides when a connection ends.
  keepalive_timeout 300s;
  keepalive_requests 1000000;
  ${luaPath}
  lua_shared_dict tokens 10m;
  lua_shared_dict state 64k;
  init_by_lua_block { ${LUA_FUNCTIONS} }

  server {
    listen ${ip}:${config.port} ssl;
    ssl_certificate "${config.certFile}";
    ssl_certificate_key "${config.keyFile}";
    ssl_session_cache shared:tls:1m;
    location = ${path} {
      access_by_lua_block { fail_as_asked() }
      content_by_lua_block { answer_protected() }
    }
    location /api/ {
      default_type application/json;
      content_by_lua_block { answer_api("${zone}") }
    }
    location / { return 404; }
  }

  server {
    listen ${ip}:${config.apiPort};
    location /api/ {
      default_type application/json;
      content_by_lua_block { answer_api("${zone}") }
    }
  }

  server {
    listen ${ip}:${config.controlPort};
    location / { content_by_lua_block { answer_control() } }
  }
}
`;
}

/** Answers in Lua; the instance's own memory is the two shared dictionaries. */
const LUA_FUNCTIONS = `
  local tokens, state = ngx.shared.tokens, ngx.shared.state

  function answer_protected()
    state:incr("requests", 1, 0)
    state:set("host", ngx.var.http_host or "")
    local token = ngx.var.cookie_auth_token or ngx.var.http_x_auth_token
    if token and tokens:get(token) then return ngx.exit(200) end
    return ngx.exit(401)
  end

  -- What a healthy instance does not do; an empty fault is none.
  function fail_as_asked()
    local fault = state:get("fault") or ""
    if fault == "" then return end
    state:incr("requests", 1, 0)
    if fault == "hang" then ngx.sleep(60) return ngx.exit(444) end
    if fault == "reset" then return ngx.exit(444) end
    if fault == "redirect" then
      ngx.header["Location"] = "https://" .. ngx.var.server_addr .. ":" .. ngx.var.server_port .. "/elsewhere"
      return ngx.exit(302)
    end
    if fault == "huge-headers" then
      for i = 1, 64 do ngx.header["X-Filler-" .. i] = string.rep("x", 1000) end
      return ngx.exit(200)
    end
    return ngx.exit(tonumber(fault))
  end

  local json = { ["\\\\"] = "\\\\\\\\", ['"'] = '\\\\"' }
  local function quote(text) return '"' .. text:gsub('[\\\\"]', json) .. '"' end

  local function api_error(status, text, code)
    ngx.status = status
    ngx.print('{"error":{"status":', status, ',"text":', quote(text), ',"code":', quote(code),
      '},"request_id":', quote(ngx.var.request_id),
      ',"href":"https://nginx.org/en/docs/http/ngx_http_api_module.html"}')
  end

  function answer_api(zone)
    local version, rest = ngx.var.uri:match("^/api/(%d+)/(.*)$")
    if not version then return api_error(404, "path not found", "PathNotFound") end
    if tonumber(version) < 1 or tonumber(version) > 9 then
      return api_error(404, "unknown version", "UnknownVersion")
    end
    if rest == "stream/zone_sync/" and state:get("nodes_online") then return answer_zone_sync(zone) end
    local asked = rest:match("^http/keyvals/([^/]+)$")
    if not asked then return api_error(404, "path not found", "PathNotFound") end
    if asked ~= zone then return api_error(404, "keyval not found", "KeyvalNotFound") end
    local key = ngx.var.arg_key and ngx.unescape_uri(ngx.var.arg_key)
    if not key then return ngx.print("{}") end
    state:incr("requests", 1, 0)
    local value = tokens:get(key)
    if not value then return api_error(404, "keyval key not found", "KeyvalKeyNotFound") end
    ngx.print("{", quote(key), ":", quote(value), "}")
  end

  function answer_zone_sync(zone)
    ngx.print('{"status":{"bytes_in":0,"msgs_in":0,"msgs_out":0,"bytes_out":0,"nodes_online":', state:get("nodes_online"),
      '},"zones":{', quote(zone), ':{"records_pending":', state:get("records_pending") or 0,
      ',"records_total":', #tokens:get_keys(0), '}}}')
  end

  -- The token is in the body, as a real one would never be in an address.
  function answer_control()
    ngx.req.read_body()
    local body = ngx.req.get_body_data() or ""
    local method, what = ngx.req.get_method(), ngx.var.uri
    if what == "/token" and method == "PUT" then
      local late = tonumber(ngx.var.arg_after_ms or 0)
      if late == 0 then tokens:set(body, "jwt") return ngx.exit(204) end
      assert(ngx.timer.at(late / 1000, function() tokens:set(body, "jwt") end))
      return ngx.exit(204)
    end
    if what == "/token" and method == "DELETE" then tokens:delete(body) return ngx.exit(204) end
    if what == "/state" and method == "PUT" then
      for name, value in pairs(ngx.req.get_uri_args()) do state:set(name, value) end
      return ngx.exit(204)
    end
    if what == "/state" then
      return ngx.print('{"requests":', state:get("requests") or 0, ',"host":', quote(state:get("host") or ""), '}')
    end
    return ngx.exit(404)
  end
`;
