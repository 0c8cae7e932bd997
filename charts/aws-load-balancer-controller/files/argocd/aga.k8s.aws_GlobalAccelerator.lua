-- Health of a GlobalAccelerator: its condition Ready.
local health = { status = "Progressing", message = "Waiting for the controller" }
local status = obj.status or {}
if (status.observedGeneration or 0) < (obj.metadata.generation or 0) then
  return health
end
for _, condition in ipairs(status.conditions or {}) do
  if condition.type == "Ready" then
    health.message = condition.message
    if condition.status == "True" then
      health.status = "Healthy"
    elseif condition.status == "False" and condition.reason ~= "AcceleratorDeleting" then
      health.status = "Degraded"
    end
  end
end
return health
