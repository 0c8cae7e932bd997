-- Health of a ListenerRuleConfiguration: whether the controller accepted it.
local health = { status = "Progressing", message = "Waiting for the controller" }
local status = obj.status or {}
if status.accepted == nil or (status.observedGeneration or 0) < (obj.metadata.generation or 0) then
  return health
end
health.message = status.message or ""
health.status = status.accepted and "Healthy" or "Degraded"
return health
