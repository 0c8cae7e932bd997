-- Health of a TargetGroupBinding: its condition Ready where there is one, else whether its spec has been observed.
local health = { status = "Progressing", message = "Waiting for the controller" }
local status = obj.status or {}
local generation = obj.metadata.generation or 0
for _, condition in ipairs(status.conditions or {}) do
  if condition.type == "Ready" then
    health.message = condition.message
    if (condition.observedGeneration or generation) < generation then
      health.message = "The last change has not been seen yet"
    elseif condition.status == "True" then
      health.status = "Healthy"
    elseif condition.reason ~= "Waiting" then
      health.status = "Degraded"
    end
    return health
  end
end
if (status.observedGeneration or 0) >= generation then
  health.status = "Healthy"
  health.message = "The targets have been brought in line"
end
return health
